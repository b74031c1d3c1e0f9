package instancerole

import "ecsguardrails/shared/finding"

// Codes are the findings that the function can have beside pipeline.Codes.
var Codes = []finding.Code{
	{Code: "capability-missing", Cause: "the role may not do something that its instances need", Cure: "none where the function attached the policy; otherwise see the finding beside it"},
	{Code: "capability-partial", Cause: "the role may not do something that its instances can do without; the message says what is lost", Cure: "none needed; grant the action where it is missed"},
	{Code: "capability-unknown", Cause: "the role's tag `ecs-guardrails:capabilities` has a word that is no capability", Cure: "write `agent`, `ecr`, `config`, `logs`, `ssm`, separated by spaces, or `none`"},
	{Code: "config-bucket-unset", Cause: "the role is to read `ecs.config`, and no config bucket is set", Cure: "set `CONFIG_BUCKET`, or take `config` out of the role's capabilities"},
	{Code: "denied-by-boundary", Cause: "the role's permissions boundary does not allow a needed action", Cure: "allow it there, or give the role another boundary"},
	{Code: "denied-by-organization", Cause: "a policy of the organization does not allow a needed action", Cure: "allow it in the service control policies above the account"},
	{Code: "denied-by-policy", Cause: "a policy of the role denies a needed action", Cure: "take the action out of the statement that denies it"},
	{Code: "denied-under-condition", Cause: "a policy of the role denies a needed action under a condition that cannot be judged beforehand", Cure: "make sure that the instances meet it, then tag the role `ecs-guardrails:ignore=true`"},
	{Code: "detached-repeatedly", Cause: "somebody detached what was attached, after three heals within an hour", Cure: "find out who does it, or tag the role `ecs-guardrails:ignore=true`"},
	{Code: "failed-call", Cause: "the recorded call failed, or was a dry run, and changed nothing", Cure: "none needed"},
	{Code: "ignored", Cause: "the role has the tag `ecs-guardrails:ignore`", Cure: "remove the tag to have the role looked after"},
	{Code: "managed-policy-quota", Cause: "the role has as many managed policies as it can have", Cure: "detach or merge some, or raise IAM's quota"},
	{Code: "no-approved-policy", Cause: "no approved policy that is not attached already grants what is missing", Cure: "grant it by a policy of your own, or set the policy's parameter"},
	{Code: "no-instance-profile", Cause: "the instance was launched without an instance profile", Cure: "none needed, unless it is a container instance"},
	{Code: "no-room-for-tag", Cause: "the role has 50 tags, so that none can say what was attached", Cure: "remove a tag"},
	{Code: "not-instance-role", Cause: "the role trusts neither service, or nothing says that it is for ECS instances", Cure: "tag it `ecs-guardrails:instance-role=true` if it is"},
	{Code: "nothing-to-undo", Cause: "an undo was asked for a role to which nothing was attached", Cure: "none needed"},
	{Code: "other-account", Cause: "the event speaks of a role of another account", Cure: "deploy the stack there"},
	{Code: "own-call", Cause: "the recorded call was made by this stack", Cure: "none needed"},
	{Code: "own-role", Cause: "the role is one of this stack's own", Cure: "none needed"},
	{Code: "policy-not-found", Cause: "a policy that the settings name does not exist", Cure: "correct the setting, or deploy the stack again"},
	{Code: "profile-without-role", Cause: "the instance profile holds no role", Cure: "add one to it (`AddRoleToInstanceProfile`)"},
	{Code: "reserved-role", Cause: "the role belongs to IAM Identity Center", Cure: "none needed"},
	{Code: "retired-policy", Cause: "the role has `AmazonEC2RoleforSSM`", Cure: "attach `AmazonSSMManagedInstanceCore`, then detach the other"},
	{Code: "secret-in-user-data", Cause: "the instance's user data holds registry credentials or AWS keys", Cure: "move them to `ecs.config` in the config bucket or to Secrets Manager, and change them"},
	{Code: "service-linked-role", Cause: "the role is a service-linked one", Cure: "none needed"},
	{Code: "trunking-role", Cause: "the role may turn on `awsvpcTrunking` for itself", Cure: "none needed; the AWS guide advises a second role for it"},
	{Code: "trust-policy-unreadable", Cause: "the role's trust policy is not a policy", Cure: "write it anew"},
	{Code: "undo", Cause: "an undo was asked for", Cure: "remove the tag `ecs-guardrails:ignore` to have the role looked after again"},
}
