"""`python -m local.compose`: print the settings of docker-compose.yml's profile `local`, as .env.

S3 and Redshift are the containers of that profile. Passwords and keys are drawn at random.
"""

import base64
import secrets

from local.addresses import warehouse_environment

S3 = "http://s3:9000"
REDSHIFT_HOST, REDSHIFT_PORT = "redshift", "5439"


def settings() -> dict[str, str]:
    """Return the settings of the pipeline, and the secrets that docker-compose.yml asks for."""
    return {
        "COMPOSE_PROFILES": "local",
        "PIPELINE_ENV_FILE": ".local/compose.env",
        **warehouse_environment(S3, REDSHIFT_HOST, REDSHIFT_PORT, secrets.token_hex(16)),
        "SPARKIFY_SCHEDULE": "",  # no new files arrive
        "POSTGRES_PASSWORD": secrets.token_hex(16),
        "AIRFLOW_ADMIN_PASSWORD": secrets.token_hex(8),
        "AIRFLOW_JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


if __name__ == "__main__":
    print("# Drawn by `make compose-up`; its volumes open with these passwords alone.")
    for name, value in settings().items():
        print(f"{name}='{value}'")
