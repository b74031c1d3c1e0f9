#!/bin/bash
CFG=${ECS_CONFIG_FILE:-/etc/ecs/ecs.config}
mkdir -p "$(dirname "$CFG")"
: > "$CFG"
cat >>"$CFG"<<EOF
ECS_CLUSTER=deflt
EOF
