#!/bin/bash
CLUSTER=shop
cat <<'EOF' > /etc/ecs/ecs.config
ECS_CLUSTER=${CLUSTER}
EOF
