#!/bin/bash
A=$(cat <<'E'
ECS_CLUSTER=cs
ECS_LOGLEVEL=warn
E
)
echo "$A" > /etc/ecs/ecs.config
