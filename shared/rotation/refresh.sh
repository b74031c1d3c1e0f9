# Gives the instance's ecs.config the credentials that its file in the bucket
# has, and restarts the agent. The arguments are the files that it can be. Every
# other line stays: user data often adds some of its own.
set -eu
umask 077
if [ -n "${AWS_SSM_REGION_NAME:-}" ]; then
  export AWS_DEFAULT_REGION="$AWS_SSM_REGION_NAME"
fi
work=$(mktemp -d "$folder/.refresh.XXXXXX")
trap 'rm -rf "$work"' EXIT
# take FILE NAME puts a file's credentials into NAME.lines, what they are for
# into NAME.shape, and all its other lines into NAME.others.
take() {
  sed -n '/^[[:space:]]*ECS_ENGINE_AUTH_DATA=/p' "$1" >"$work/$2.lines"
  sed '/^[[:space:]]*ECS_ENGINE_AUTH_DATA=/d' "$1" >"$work/$2.others"
  sed -E 's/"(username|password|auth)"([[:space:]]*:[[:space:]]*)"([^"\\]|\\.)*"/"\1"\2""/g' "$work/$2.lines" >"$work/$2.shape"
}
take "$folder/ecs.config" old
found=
for place; do
  aws s3 cp --only-show-errors "$place" "$work/new"
  take "$work/new" new
  if cmp -s "$work/new.lines" "$work/old.lines"; then
    echo "the credentials are up to date already"
    exit 0
  fi
  # Where nobody said which file it is, it has all the lines of that file.
  if [ ! -s "$work/old.lines" ] || ! cmp -s "$work/new.shape" "$work/old.shape" ||
    { [ "$declared" = no ] && grep -qvxFf "$work/old.others" "$work/new.others"; }; then
    continue
  fi
  if [ -n "$found" ]; then
    echo "ecs.config can be $found as well as $place, so it is left as it is" >&2
    exit 1
  fi
  found=$place
  cp "$work/new.lines" "$work/found.lines"
done
if [ -z "$found" ]; then
  echo "ecs.config has credentials of other registries than its file in the bucket, so it is left as it is" >&2
  exit 1
fi
# The copy has the file's owner and mode, and takes its place in one step.
cp -p "$folder/ecs.config" "$work/file"
awk 'NR == FNR { line[++n] = $0; next } /^[ \t]*ECS_ENGINE_AUTH_DATA=/ { $0 = line[++at] } { print }' \
  "$work/found.lines" "$folder/ecs.config" >"$work/file"
mv -f "$work/file" "$folder/ecs.config"
# An agent that does not run yet reads the file when it starts.
systemctl try-restart ecs
echo "the credentials of $found were taken over, and the agent restarted"
