#!/usr/bin/env bash
exec > >(tee /var/log/user-data.log | logger -t user-data) 2>&1
sudo mkdir -p /etc/ecs && sudo touch /etc/ecs/ecs.config
echo "ECS_CLUSTER=shop" | sudo tee -a /etc/ecs/ecs.config > /dev/null
sudo sh -c "echo 'ECS_ENABLE_SPOT_INSTANCE_DRAINING=true' >> /etc/ecs/ecs.config"
sudo bash -c 'printf "%s=%s\n" ECS_IMAGE_PULL_BEHAVIOR prefer-cached >> /etc/ecs/ecs.config'
sudo systemctl enable --now --no-block ecs
