#!/bin/bash
readonly CONFIG_DIR=/etc/ecs
readonly CONFIG="${CONFIG_DIR}/ecs.config"
[[ -d $CONFIG_DIR ]] || mkdir -p "$CONFIG_DIR"
cat << EOM > "${CONFIG}.new"
ECS_CLUSTER=new
EOM
mv -f "${CONFIG}.new" "$CONFIG"
chmod 600 $CONFIG
