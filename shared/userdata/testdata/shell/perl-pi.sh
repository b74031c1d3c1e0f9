#!/bin/bash
echo ECS_CLUSTER=OLD > /etc/ecs/ecs.config
perl -pi -e 's/OLD/new/' /etc/ecs/ecs.config
