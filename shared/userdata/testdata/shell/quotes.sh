#!/bin/bash
cat >> /etc/ecs/ecs.config <<EOF
ECS_CLUSTER="quoted"
ECS_CONTAINER_STOP_TIMEOUT='30s'
EOF
