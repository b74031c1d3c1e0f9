#!/bin/bash
cat >> /etc/ecs/ecs.config <<EOF
    ECS_CLUSTER=indented
    ECS_RESERVED_PORTS = [22]
EOF
