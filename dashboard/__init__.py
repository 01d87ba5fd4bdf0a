"""The dashboard and the notebook: what analysts see of the marts, as marimo pages."""
