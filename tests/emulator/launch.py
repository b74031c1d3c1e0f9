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

from ministack.core.lambda_runtime import Worker  # noqa: E402

# Seconds to the first line, after the last one, and in all. MiniStack's own
# 0.05, 0.005 and 0.25 lose lines on a busy machine, and with them what a
# function logged.
Worker._drain_stderr_bounded.__defaults__ = (2.0, 0.02, 5.0)

from ministack.app import main  # noqa: E402

sys.argv = ["ministack"]
main()
