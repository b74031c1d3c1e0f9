"""Run MiniStack for as long as standard input stays open.

Standard input gives one line of JSON with what AWS provides to every account
and MiniStack lacks, and then nothing: it ends when the process that started
this one is gone, however it went, and the whole process group (MiniStack and
the functions that it runs) ends with it.
"""

import json
import os
import signal
import sys
import threading

provided = json.loads(sys.stdin.readline())


def end_with_parent():
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.killpg(0, signal.SIGKILL)


threading.Thread(target=end_with_parent, daemon=True).start()

from ministack.services import ec2, iam, ssm  # noqa: E402

for name, document in provided["managedPolicies"].items():
    arn = iam._AWS_MANAGED_POLICY_PREFIX + name
    iam._aws_managed_policies[arn] = iam._make_aws_managed_record(name, json.dumps(document))

for image in provided["images"]:
    ec2._STUB_AMIS.append(
        (image["id"], image["name"], image["description"], image["platform"], image["rootDevice"], image["owner"], "amazon")
    )
ssm._PUBLIC_AMI_PARAMETERS.update(provided["parameters"])

# Conditions may name Fn::Join, Fn::Split and pseudo parameters ("Fn::Equals" in
# the CloudFormation template reference: a value of any type that you want to
# compare), which MiniStack's evaluation leaves as they are.
import yaml  # noqa: E402

from ministack.services.cloudformation import engine  # noqa: E402


# The same loader on top of libyaml, where PyYAML has it: a template of 150 kB,
# which a deployment reads several times, takes seconds without.
if yaml.__with_libyaml__:
    class QuickLoader(yaml.CSafeLoader):
        yaml_constructors = engine.CfnLoader.yaml_constructors
        yaml_multi_constructors = engine.CfnLoader.yaml_multi_constructors

    engine.CfnLoader = QuickLoader

evaluate_conditions = engine._evaluate_conditions


def plain(value, params):
    if isinstance(value, list):
        return [plain(item, params) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, items = value["Fn::Join"]
        items = plain(items, params)
        if isinstance(items, dict):
            items = params[items["Ref"]]["Value"].split(",")
        return separator.join(named(item, params) for item in items)
    if "Fn::Split" in value:
        separator, source = value["Fn::Split"]
        return named(plain(source, params), params).split(separator)
    if "Fn::Select" in value:
        index, items = value["Fn::Select"]
        items = plain(items, params)
        return items[int(index)] if isinstance(items, list) else {"Fn::Select": [index, items]}
    if value.get("Ref") in pseudo():
        return pseudo()[value["Ref"]]
    return {key: plain(item, params) for key, item in value.items()}


def named(value, params):
    return params[value["Ref"]]["Value"] if isinstance(value, dict) else str(value)


def pseudo():
    return {
        "AWS::Region": engine.get_region(), "AWS::AccountId": engine.get_account_id(), "AWS::Partition": "aws",
        "AWS::StackName": "a-stack-whose-name-conditions-do-not-know",
    }


def conditions(template, params, *rest, **more):
    return evaluate_conditions({**template, "Conditions": plain(template.get("Conditions", {}), params)}, params, *rest, **more)


for module in [module for name, module in sys.modules.items() if name.startswith("ministack.services.cloudformation")]:
    if getattr(module, "_evaluate_conditions", None) is evaluate_conditions:
        module._evaluate_conditions = conditions

# CloudFormation works on the other services' records without calling them, so
# that no event would come of what it does. The handlers below tell the rig of
# the calls that CloudFormation makes on AWS, and fail where those would.
from ministack.services import ecs  # noqa: E402
from ministack.services.cloudformation.provisioners import _RESOURCE_HANDLERS  # noqa: E402


def tell(service, operation, stack, response, **call):
    status, _, body = response
    line = {
        "invokedBy": "cloudformation.amazonaws.com", "stack": stack or "", "service": service, "operation": operation,
        "status": status, "response": body.decode() if isinstance(body, bytes) else body, **call,
    }
    os.write(3, (json.dumps(line, default=str) + "\n").encode())


def listed(form, name, items):
    for number, item in enumerate(items, 1):
        for key, value in item.items():
            form[f"{name}.member.{number}.{key}"] = str(value)
    return form


def iam_read(operation, **parameters):
    """The answer to a creation shows the same record as that to a read."""
    read = operation.replace("Create", "Get")
    status, headers, body = iam._IAM_HANDLERS[read]({name: [value] for name, value in parameters.items()})
    text = body.decode() if isinstance(body, bytes) else body
    return status, headers, text.replace(read + "Re", operation + "Re")


def iam_told(operation, stack, parameters, response=(200, {}, "")):
    tell("iam", operation, stack, response, form=parameters)


def text(document):
    return document if isinstance(document, str) else json.dumps(document)


def stack_of(tags):
    return next((tag["Value"] for tag in tags or [] if tag.get("Key") == "aws:cloudformation:stack-name"), "")


role_handlers = dict(_RESOURCE_HANDLERS["AWS::IAM::Role"])


def tell_role(name, old, new, stack):
    old_managed, new_managed = old.get("ManagedPolicyArns") or [], new.get("ManagedPolicyArns") or []
    for arn in [arn for arn in old_managed if arn not in new_managed]:
        iam_told("DetachRolePolicy", stack, {"RoleName": name, "PolicyArn": arn})
    for arn in [arn for arn in new_managed if arn not in old_managed]:
        iam_told("AttachRolePolicy", stack, {"RoleName": name, "PolicyArn": arn})
    old_inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in old.get("Policies") or []}
    new_inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies") or []}
    for policy in old_inline.keys() - new_inline.keys():
        iam_told("DeleteRolePolicy", stack, {"RoleName": name, "PolicyName": policy})
    for policy, document in new_inline.items():
        if old_inline.get(policy) != document:
            iam_told("PutRolePolicy", stack, {"RoleName": name, "PolicyName": policy, "PolicyDocument": text(document)})


def role_create(logical_id, props, stack):
    name, attributes = role_handlers["create"](logical_id, props, stack)
    role = iam._roles[name]
    if props.get("PermissionsBoundary"):
        role["PermissionsBoundary"] = props["PermissionsBoundary"]
    form = {"RoleName": name, "Path": role["Path"], "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"], "Description": role["Description"]}
    if props.get("PermissionsBoundary"):
        form["PermissionsBoundary"] = props["PermissionsBoundary"]
    iam_told("CreateRole", stack, listed(form, "Tags", role["Tags"]), iam_read("CreateRole", RoleName=name))
    tell_role(name, {}, props, stack)
    return name, attributes


def role_update(physical_id, old, new, stack, logical_id=None):
    name, attributes = role_handlers["update"](physical_id, old, new, stack, logical_id)
    role = iam._roles[name]
    if new.get("PermissionsBoundary"):
        role["PermissionsBoundary"] = new["PermissionsBoundary"]
    if name == physical_id:
        if old.get("AssumeRolePolicyDocument") != new.get("AssumeRolePolicyDocument"):
            iam_told("UpdateAssumeRolePolicy", stack, {"RoleName": name, "PolicyDocument": role["AssumeRolePolicyDocument"]})
        tell_role(name, old, new, stack)
    return name, attributes


def role_delete(name, props):
    role = iam._roles.get(name)
    if role is None:
        return
    stack = stack_of(role.get("Tags"))
    for arn in props.get("ManagedPolicyArns") or []:
        if arn in role["AttachedPolicies"]:
            iam.detach_managed_policy(role, arn)
            iam_told("DetachRolePolicy", stack, {"RoleName": name, "PolicyArn": arn})
    for policy in props.get("Policies") or []:
        if role["InlinePolicies"].pop(policy["PolicyName"], None) is not None:
            iam_told("DeleteRolePolicy", stack, {"RoleName": name, "PolicyName": policy["PolicyName"]})
    # CloudFormation takes off only what the template put on.
    response = iam._IAM_HANDLERS["DeleteRole"]({"RoleName": [name]})
    iam_told("DeleteRole", stack, {"RoleName": name}, response)
    if response[0] >= 400:
        body = response[2].decode() if isinstance(response[2], bytes) else response[2]
        raise ValueError(body.partition("<Message>")[2].partition("</Message>")[0])


_RESOURCE_HANDLERS["AWS::IAM::Role"].update(create=role_create, update=role_update, delete=role_delete)

profile_handlers = dict(_RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"])


def profile_name(arn):
    return arn.rpartition("/")[2]


def profile_create(logical_id, props, stack):
    arn, attributes = profile_handlers["create"](logical_id, props, stack)
    name = profile_name(arn)
    iam_told("CreateInstanceProfile", stack, {"InstanceProfileName": name, "Path": props.get("Path", "/")}, iam_read("CreateInstanceProfile", InstanceProfileName=name))
    for role in props.get("Roles") or []:
        iam_told("AddRoleToInstanceProfile", stack, {"InstanceProfileName": name, "RoleName": role})
    return arn, attributes


def profile_update(physical_id, old, new, stack, logical_id=None):
    arn, attributes = profile_handlers["update"](physical_id, old, new, stack, logical_id)
    name = profile_name(arn)
    for operation, roles in (
        ("RemoveRoleFromInstanceProfile", set(old.get("Roles") or []) - set(new.get("Roles") or [])),
        ("AddRoleToInstanceProfile", set(new.get("Roles") or []) - set(old.get("Roles") or [])),
    ):
        for role in sorted(roles):
            iam_told(operation, stack, {"InstanceProfileName": name, "RoleName": role})
    return arn, attributes


def profile_delete(physical_id, props):
    name = profile_name(physical_id)
    profile = iam._instance_profiles.get(name) or {}
    for role in profile.get("Roles", []):
        iam_told("RemoveRoleFromInstanceProfile", "", {"InstanceProfileName": name, "RoleName": role})
    profile_handlers["delete"](physical_id, props)
    iam_told("DeleteInstanceProfile", "", {"InstanceProfileName": name})


_RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"].update(create=profile_create, update=profile_update, delete=profile_delete)

definition_handlers = dict(_RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"])
answered = ("taskDefinitionArn", "revision", "status", "compatibilities", "registeredAt", "registeredBy", "requiresAttributes")


def tell_registration(arn, stack):
    definition = ecs._task_defs[arn.rpartition("/")[2]]
    tags = ecs._tags.get(arn) or []
    parameters = {name: value for name, value in definition.items() if name not in answered and value not in ("", [], None)}
    if tags:
        parameters["tags"] = tags
    tell("ecs", "RegisterTaskDefinition", stack, (200, {}, json.dumps({"taskDefinition": definition, "tags": tags}, default=str)), parameters=parameters)


def definition_create(logical_id, props, stack):
    arn, attributes = definition_handlers["create"](logical_id, props, stack)
    tell_registration(arn, stack)
    return arn, attributes


def definition_update(physical_id, old, new, stack, logical_id=None):
    # The original calls the original create where it registers anew.
    arn, attributes = definition_handlers["update"](physical_id, old, new, stack, logical_id)
    if arn != physical_id:
        tell_registration(arn, stack)
    return arn, attributes


def definition_delete(physical_id, props):
    definition_handlers["delete"](physical_id, props)
    tell("ecs", "DeregisterTaskDefinition", "", (200, {}, "{}"), parameters={"taskDefinition": physical_id})


_RESOURCE_HANDLERS["AWS::ECS::TaskDefinition"].update(create=definition_create, update=definition_update, delete=definition_delete)

# Batches of more than ten messages, which Lambda gathers over a window (Lambda
# guide, "Batching behavior"); MiniStack takes ten at most, at once. Smaller
# batches stay as they are: a person waits for what comes of them.
import time  # noqa: E402

from ministack.services import lambda_svc, sqs  # noqa: E402

receive_ten = sqs._receive_messages_for_esm


def receive_batch(queue_url, batch_size):
    if batch_size <= 10:
        return receive_ten(queue_url, batch_size)
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        arn = queue["attributes"].get("QueueArn")
        window = max((esm.get("MaximumBatchingWindowInSeconds", 0) for _, _, esm in lambda_svc._iter_all_esms() if esm.get("EventSourceArn") == arn), default=0)
        now = time.time()
        waiting = [message["sent_at"] for message in queue["messages"] if message.get("visible_at", 0) <= now]
        if not waiting or (len(waiting) < batch_size and now - min(waiting) < window):
            return []
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        return sqs._collect_msgs(queue, batch_size, int(queue["attributes"].get("VisibilityTimeout", "30")))


sqs._receive_messages_for_esm = receive_batch

# AWS::Events::EventBusPolicy, which MiniStack lacks: a whole statement, or an
# account with a condition (CloudFormation Template Reference).
from ministack.services import eventbridge  # noqa: E402


def bus_policy_put(props):
    bus = props.get("EventBusName") or "default"
    sid = props.get("StatementId") or "Statement"
    arn = f"arn:aws:events:{eventbridge.get_region()}:{eventbridge.get_account_id()}:event-bus/{bus}"
    statement = props.get("Statement") or {
        "Effect": "Allow", "Principal": props.get("Principal", "*"), "Action": props.get("Action", "events:PutEvents"), "Resource": arn,
        **({"Condition": {props["Condition"]["Type"]: {props["Condition"]["Key"]: props["Condition"]["Value"]}}} if props.get("Condition") else {}),
    }
    policy = eventbridge._event_bus_policies.get(bus) or {"Version": "2012-10-17", "Statement": []}
    policy["Statement"] = [other for other in policy["Statement"] if other.get("Sid") != sid] + [{**statement, "Sid": sid}]
    eventbridge._event_bus_policies[bus] = policy


def bus_policy_create(logical_id, props, stack):
    bus_policy_put({"StatementId": logical_id, **props})
    return f"{props.get('EventBusName') or 'default'}|{props.get('StatementId') or logical_id}", {}


def bus_policy_update(physical_id, old, new, stack):
    bus_policy_put({"StatementId": physical_id.rpartition("|")[2], **new})
    return physical_id, {}


def bus_policy_delete(physical_id, props):
    bus, _, sid = physical_id.partition("|")
    eventbridge._remove_permission({"EventBusName": bus, "StatementId": sid})


_RESOURCE_HANDLERS["AWS::Events::EventBusPolicy"] = {"create": bus_policy_create, "update": bus_policy_update, "delete": bus_policy_delete}

# A session token of its own per function, as its execution role's session has on
# AWS: by it the rig knows whose call it is, where two stacks have functions that
# call themselves alike.
from ministack.core import lambda_runtime  # noqa: E402
from ministack.core.lambda_runtime import Worker  # noqa: E402

account_credentials = lambda_runtime.execution_credentials


def session_credentials(config):
    return {**account_credentials(config), "AWS_SESSION_TOKEN": config["FunctionName"]}


lambda_runtime.execution_credentials = lambda_svc.execution_credentials = session_credentials

# Seconds to the first line, after the last one, and in all. MiniStack's own
# 0.05, 0.005 and 0.25 lose lines on a busy machine, and with them what a
# function logged.
Worker._drain_stderr_bounded.__defaults__ = (2.0, 0.02, 5.0)

from ministack.app import main  # noqa: E402

sys.argv = ["ministack"]
main()
