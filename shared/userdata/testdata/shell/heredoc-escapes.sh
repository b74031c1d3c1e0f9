#!/bin/bash
N=e
cat > /etc/ecs/ecs.config <<EOF
ECS_CLUSTER=a\$N-$N-`echo t`
ECS_INSTANCE_ATTRIBUTES={"k":"v\\w"}
EOF
