#!/bin/bash
install -D -m 0644 /dev/stdin /etc/ecs/ecs.config <<EOF
ECS_CLUSTER=stdin
EOF
