#!/bin/bash
python3 - <<'PY'
with open("/etc/ecs/ecs.config", "a") as config:
    config.write("ECS_CLUSTER=shop\n")
PY
