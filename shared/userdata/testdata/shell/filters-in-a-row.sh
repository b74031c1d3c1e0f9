#!/bin/bash
cat << 'EOF' | sed "s/%CLUSTER%/late/" | grep -v '^;' > /etc/ecs/ecs.config
; note
ECS_CLUSTER=%CLUSTER%
EOF
