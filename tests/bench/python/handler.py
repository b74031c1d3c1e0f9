"""A Python function that makes recorded AWS calls (CALLS, as bare/main.go), and
nothing else: what a function of that size costs in Python with boto3.

As good practice has it, the clients are made when the function starts, and
calls that do not wait for one another go side by side.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.exceptions
from botocore import xform_name

with open(os.environ["CALLS"], encoding="utf-8") as file:
    script = json.load(file)

clients = {name: boto3.client(name) for name in sorted({call["service"] for call in script})}
pool = ThreadPoolExecutor(max_workers=16)


def make(call):
    try:
        answer = getattr(clients[call["service"]], xform_name(call["operation"]))(**call["parameters"])
    except botocore.exceptions.ClientError:
        # Recorded so, as where a bucket has no policy.
        return
    if "Body" in answer:
        answer["Body"].read()


def handler(event, context):
    running = []

    def begin(call):
        for earlier in call["after"]:
            running[earlier].result()
        make(call)

    # In the order of the record, so that what a call waits for has a thread.
    for call in script:
        running.append(pool.submit(begin, call))
    for call in running:
        call.result()
