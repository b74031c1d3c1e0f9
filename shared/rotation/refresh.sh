# Reads the instance's ecs.config anew and restarts the agent. An instance whose
# file differs from the bucket's in more than credentials is left as it is: its
# user data wrote something of its own into it.
set -eu
umask 077
if [ -n "${AWS_SSM_REGION_NAME:-}" ]; then
  export AWS_DEFAULT_REGION="$AWS_SSM_REGION_NAME"
fi
work=$(mktemp -d "$folder/.refresh.XXXXXX")
trap 'rm -rf "$work"' EXIT
aws s3 cp --only-show-errors "$place" "$work/new"
if cmp -s "$work/new" "$folder/ecs.config"; then
  echo "ecs.config is up to date already"
  exit 0
fi
sed '/^[[:space:]]*ECS_ENGINE_AUTH_DATA=/d' "$work/new" >"$work/new.rest"
sed '/^[[:space:]]*ECS_ENGINE_AUTH_DATA=/d' "$folder/ecs.config" >"$work/old.rest"
if ! cmp -s "$work/new.rest" "$work/old.rest"; then
  echo "ecs.config differs from $place in more than credentials, so it is left as it is" >&2
  exit 1
fi
# The copy has the file's owner and mode, and takes its place in one step.
cp -p "$folder/ecs.config" "$work/file"
cat "$work/new" >"$work/file"
mv -f "$work/file" "$folder/ecs.config"
# An agent that does not run yet reads the file when it starts.
systemctl try-restart ecs
echo "ecs.config was read anew, and the agent restarted"
