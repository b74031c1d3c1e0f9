#!/bin/bash
declare -A cfg
cfg[ECS_CLUSTER]=one
cfg[ECS_LOGLEVEL]=debug
for k in "${!cfg[@]}"; do echo "$k=${cfg[$k]}"; done | tee -a /etc/ecs/ecs.config
