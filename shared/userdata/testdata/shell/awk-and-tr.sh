#!/bin/bash
ID=$(echo "i-0abc/prod" | awk -F/ '{print $2}')
UP=$(echo $ID | tr '[:lower:]' '[:upper:]')
echo "ECS_CLUSTER=$UP" | tr -d '\r' >> /etc/ecs/ecs.config
