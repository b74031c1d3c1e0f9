<powershell>
Import-Module ECSTools
$stage = 'prod'
$az = Invoke-RestMethod -Uri http://169.254.169.254/latest/meta-data/placement/availability-zone
try {
  if ($az -eq 'us-east-1a') {
    $cluster = 'first'
  } elseif ($az -eq 'us-east-1b') { $cluster = 'second' }
  else { $cluster = 'rest' }
  if ($stage -eq 'prod') { $drivers = '["json-file","awslogs"]' } else { $drivers = '["json-file"]' }
  if (Test-Path C:\spot) {
    [Environment]::SetEnvironmentVariable("ECS_ENABLE_SPOT_INSTANCE_DRAINING", "true", "Machine")
  }
  Initialize-ECSAgent -Cluster $cluster -LoggingDrivers $drivers -EnableTaskIAMRole
} catch {
  Write-Host $_
}
</powershell>
