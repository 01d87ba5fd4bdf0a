"""`make browser`: install the browser of the tests and pictures, or say why there is none."""

import sys

from local.browser import BrowserError, executable, install

if __name__ == "__main__":
    try:
        install()
        print(f"Browser: {executable()[0]}")
    except BrowserError as error:  # whoever runs the tests can do without
        print(error, file=sys.stderr)
