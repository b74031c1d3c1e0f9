<powershell>
$ECSCluster = 'orders'
$envs = @{
  'ECS_LOGLEVEL' = 'warn'
  'ECS_RESERVED_MEMORY' = '256'
}
foreach ($k in $envs.Keys) {
  [Environment]::SetEnvironmentVariable($k, $envs[$k], 'Machine')
}
if ($true) { Initialize-ECSAgent -Cluster "$ECSCluster" -EnableTaskIAMRole }
</powershell>