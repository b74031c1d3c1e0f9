#!/bin/bash
CLUSTER=x
cat > /etc/ecs/ecs.config <<'EOF'
ECS_CLUSTER=$CLUSTER
EOF
