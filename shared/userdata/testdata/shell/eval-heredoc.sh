#!/bin/bash
echo 'ECS_CLUSTER=$CL' > /tmp/t
CL=prod
eval "cat <<EOF
$(cat /tmp/t)
EOF" > /etc/ecs/ecs.config
eval "echo \"$(cat /tmp/t)\"" >> /etc/ecs/ecs.config
