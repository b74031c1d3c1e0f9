#!/bin/bash
sudo tee /etc/ecs/ecs.config <<< "ECS_CLUSTER=hs
ECS_LOGLEVEL=warn" > /dev/null
