#!/bin/bash
cat > /etc/ecs/ecs.config <<EOF
ECS_CLUSTER=__CLUSTER__
ECS_LOGLEVEL=info
EOF
sed -i "s/__CLUSTER__/payments/" /etc/ecs/ecs.config
