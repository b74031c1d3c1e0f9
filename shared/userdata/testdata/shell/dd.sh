#!/bin/bash
dd of=/etc/ecs/ecs.config <<EOF
ECS_CLUSTER=dd
EOF
