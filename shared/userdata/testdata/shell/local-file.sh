#!/bin/bash
cat > /tmp/env <<EOF
CLUSTER=sourced
EOF
. /tmp/env
echo ECS_CLUSTER=${CLUSTER:?} >> /etc/ecs/ecs.config
