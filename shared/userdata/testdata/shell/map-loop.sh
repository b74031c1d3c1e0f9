#!/bin/bash
declare -A cfg
cfg[ECS_CLUSTER]=prod
cfg[ECS_X]='a b'
for k in ECS_CLUSTER ECS_X; do printf '%s=%s\n' "$k" "${cfg[$k]}"; done > /etc/ecs/ecs.config
