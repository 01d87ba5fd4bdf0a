"""Who may assume a role, judged as AWS does where moto does not.

Moto compares the caller with the `AWS` principals of a trust policy by their text. It fails where a
statement has none, knows no account's root, and takes a statement for another principal as a Deny
(AWS JSON policy elements: Principal, IAM User Guide).
"""

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult

REDSHIFT = "redshift.amazonaws.com"


def listed(value: Any) -> list[str]:
    """Return what a policy has as one text or as a list."""
    return [value] if isinstance(value, str) else list(value)


def trusts(principal: Any, arn: str) -> bool:
    """Whether the `Principal` of a statement means the user or role with this ARN."""
    named = ["*"] if principal == "*" else listed(principal.get("AWS", []))
    account = arn.split(":")[4]
    return bool({"*", arn, account, f"arn:aws:iam::{account}:root"} & set(named))


def redshift_may_assume(client: Any, role: str) -> bool:
    """Whether the trust policy of a role, given by its ARN, lets Redshift assume it."""
    found = client.get_role(RoleName=role.rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"]
    return any(
        statement["Effect"] == "Allow"
        and "sts:AssumeRole" in listed(statement["Action"])
        and REDSHIFT in listed(statement["Principal"].get("Service", []))
        for statement in found["Statement"]
    )


def register() -> None:
    """Let moto judge trust policies so."""
    judge = IAMPolicyStatement.is_action_permitted
    if judge.__module__ == __name__:
        return

    def is_action_permitted(
        self: IAMPolicyStatement,
        action: str,
        resource: str = "*",
        principal: str | None = None,
        incoming_condition_values: dict[str, str] | None = None,
    ) -> PermissionResult:
        if principal and not trusts(self._statement.get("Principal", "*"), principal):
            return PermissionResult.NEUTRAL
        return judge(self, action, resource, None, incoming_condition_values)

    IAMPolicyStatement.is_action_permitted = is_action_permitted  # type: ignore[method-assign]
