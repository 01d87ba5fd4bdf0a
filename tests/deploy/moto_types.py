"""The resource types of the template that moto's CloudFormation lacks.

Moto has the bucket, the roles, the policies, the security group and the function. It lacks
AWS::RedshiftServerless::Namespace and ::Workgroup, AWS::SecretsManager::Secret and
AWS::S3::BucketPolicy. Here the secret goes to moto's Secrets Manager, and a workgroup is whatever
listens at an address. The bucket policy is created in name only: moto's S3 judges no conditions, so
that "deny whatever is not TLS" would deny everything. cfn-lint holds all to CloudFormation's
schemas. A custom resource would run its function in Docker: test_usage_limit.py runs it itself.
"""

import json
from typing import Any, ClassVar

from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends


class Resource(CloudFormationModel):
    """A resource that was created, with the values of its Ref and its attributes."""

    TYPE: ClassVar[str] = ""
    ATTRIBUTES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, **attributes: str) -> None:
        self.physical_resource_id = name
        self.attributes = attributes

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.TYPE

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.attributes[attribute_name]

    def is_created(self) -> bool:
        return True


class Namespace(Resource):
    """The roles that COPY may name are those that were associated with the namespace last."""

    TYPE = "AWS::RedshiftServerless::Namespace"
    ROLES: ClassVar[list[str]] = []

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *_: str, **__: Any
    ) -> "Namespace":
        asked = cloudformation_json["Properties"]
        Namespace.ROLES = asked.get("IamRoles", [])
        return cls(asked["NamespaceName"])


class Workgroup(Resource):
    """The workgroup's endpoint is `ADDRESS`, where a test lets an emulator listen."""

    TYPE = "AWS::RedshiftServerless::Workgroup"
    ATTRIBUTES = frozenset({"Workgroup.WorkgroupArn", "Workgroup.Endpoint.Address"})
    ADDRESS: ClassVar[str] = "127.0.0.1"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *where: str, **_: Any
    ) -> "Workgroup":
        account, region = where
        name = cloudformation_json["Properties"]["WorkgroupName"]
        arn = f"arn:aws:redshift-serverless:{region}:{account}:workgroup/{name}"
        return cls(
            name,
            **{"Workgroup.WorkgroupArn": arn, "Workgroup.Endpoint.Address": cls.ADDRESS},
        )


class Secret(Resource):
    TYPE = "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *where: str, **_: Any
    ) -> "Secret":
        account, region = where
        backend = secretsmanager_backends[account][region]
        asked = cloudformation_json["Properties"]
        generate = asked["GenerateSecretString"]
        password = backend.get_random_password(
            int(generate["PasswordLength"]),
            "",
            exclude_numbers=False,
            exclude_punctuation=bool(generate["ExcludePunctuation"]),
            exclude_uppercase=False,
            exclude_lowercase=False,
            include_space=False,
            require_each_included_type=True,
        )
        value = json.loads(generate["SecretStringTemplate"])
        value[generate["GenerateStringKey"]] = json.loads(password)["RandomPassword"]
        made = backend.create_secret(
            asked["Name"], json.dumps(value), None, asked["Description"], [], None, None, [], False
        )
        return cls(json.loads(made)["ARN"])


class BucketPolicy(Resource):
    TYPE = "AWS::S3::BucketPolicy"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], *_: str, **__: Any
    ) -> "BucketPolicy":
        return cls(resource_name)


def register() -> None:
    """Let moto find these types, whatever it has looked up before."""
    for cached in (parsing.get_model_list, parsing.get_model_map, parsing.get_name_type_map):
        cached.cache_clear()
    # moto asks for the direct subclasses of its own class alone
    known = parsing.get_model_map()
    known |= {model.TYPE: model for model in (Namespace, Workgroup, Secret, BucketPolicy)}
