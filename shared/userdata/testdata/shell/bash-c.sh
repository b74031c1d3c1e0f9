#!/bin/bash
sudo bash -c 'cat << EOF > /etc/ecs/ecs.config
ECS_CLUSTER=demo-cluster
ECS_LOGLEVEL=debug
ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs"]
EOF'
