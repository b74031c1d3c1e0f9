"""Runs commands of the AWS CLI, each in a fork of a process that has loaded it.

The documents have dozens of commands, and most of the second of processor time that
each takes goes into loading. The one argument is the address of a socket, which gets
a message for each command: its arguments, environment and folder as JSON, with its
standard input, output and error as descriptors. The answer is its exit code.

It ends, and its commands with it, when its standard input does: when the process that
started it is gone, however it went.
"""

import json
import os
import signal
import socket
import sys
import threading
import traceback

given = dict(os.environ)
import awscli.clidriver  # noqa: E402

# The AWS CLI finds its own files by a variable that it sets when it is loaded.
own = {name: value for name, value in os.environ.items() if given.get(name) != value}


def end_with_parent():
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def run(connection):
    message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    call = json.loads(message)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(call["environment"] | own)
    os.chdir(call["folder"])
    sys.argv = ["aws", *call["arguments"]]
    try:
        code = awscli.clidriver.main()
    except SystemExit as end:
        code = end.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    connection.send(str(code).encode())


os.setpgid(0, 0)
# What has to be loaded is loaded once.
awscli.clidriver.create_clidriver()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
    server.bind(sys.argv[1])
    server.listen(64)
    print("ready", flush=True)
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            # As in a process that nothing has set up.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                run(connection)
            except BaseException:
                traceback.print_exc()
            os._exit(0)
        connection.close()
