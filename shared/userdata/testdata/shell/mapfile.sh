#!/bin/bash
mapfile -t L <<'E'
ECS_CLUSTER=mf
ECS_LOGLEVEL=warn
E
for ((i=0;i<${#L[@]};i++)); do echo "${L[i]}"; done > /etc/ecs/ecs.config
