#!/usr/bin/env bash
set -euo pipefail
readonly CFG="/etc/ecs/ecs.config"
add() { local k="$1"; shift; printf '%s=%s\n' "$k" "$*" >> "$CFG"; }
add ECS_CLUSTER prod-eu
add ECS_CONTAINER_STOP_TIMEOUT 2m
add ECS_INSTANCE_ATTRIBUTES '{"stack":"blue","az":"eu-west-1a"}'
add ECS_RESERVED_MEMORY 256
