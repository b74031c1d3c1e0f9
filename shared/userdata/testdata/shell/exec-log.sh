#!/bin/bash
exec > /var/log/x.log 2>&1
echo start
cat > /etc/ecs/ecs.config <<EOF
ECS_CLUSTER=ex
EOF
