#!/bin/bash
    cat <<EOF > /etc/ecs/ecs.config
    ECS_CLUSTER=shop
    EOF
