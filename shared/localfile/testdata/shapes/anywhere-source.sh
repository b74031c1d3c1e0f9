#!/bin/bash
curl --proto "https" -o "/tmp/ecs-anywhere-install.sh" "https://amazon-ecs-agent.s3.amazonaws.com/ecs-anywhere-install-latest.sh" && sudo bash -c 'mkdir -p /etc/ecs && echo ECS_INSTANCE_ATTRIBUTES={\"gateway\":\"g1\"} > /etc/ecs/ecs.config && source /tmp/ecs-anywhere-install.sh --region "eu-west-1" --cluster "Far" --activation-id "x" --activation-code "y"'
