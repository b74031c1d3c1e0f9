#!/bin/bash
bash -c "echo ECS_CLUSTER=\$0-\$1 >> /etc/ecs/ecs.config" zero one
