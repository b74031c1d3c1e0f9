#!/bin/bash
NAME=blue
sudo sh -c "echo 'ECS_CLUSTER=$NAME' >> /etc/ecs/ecs.config"
sudo sh -c "echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config"
