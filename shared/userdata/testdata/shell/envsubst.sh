#!/bin/bash
export CLUSTER=subst
envsubst <<'EOF' > /etc/ecs/ecs.config
ECS_CLUSTER=${CLUSTER}
EOF
