package samtemplate

// CreateOnly are the properties that CloudFormation can't change: a resource with
// another value is a new one (createOnlyProperties of the resource types' schemas,
// CloudFormation registry, November 2026; "Update requires: Replacement" in the
// reference of AWS::Serverless::Function). Of types without any, nothing makes a
// new one.
var CreateOnly = map[string][]string{
	"AWS::Chatbot::SlackChannelConfiguration":          {"ConfigurationName", "SlackWorkspaceId"},
	"AWS::Chatbot::MicrosoftTeamsChannelConfiguration": {"ConfigurationName", "TeamId", "TeamsTenantId"},
	"AWS::CloudWatch::Alarm":                           {"AlarmName"},
	"AWS::CloudWatch::CompositeAlarm":                  {"AlarmName"},
	"AWS::CloudWatch::Dashboard":                       {"DashboardName"},
	"AWS::Events::EventBus":                            {"Name"},
	"AWS::Events::EventBusPolicy":                      {"EventBusName", "StatementId"},
	"AWS::Events::Rule":                                {"Name"},
	"AWS::IAM::ManagedPolicy":                          {"ManagedPolicyName", "Description", "Path"},
	"AWS::IAM::Policy":                                 {},
	"AWS::IAM::Role":                                   {"Path", "RoleName"},
	"AWS::KMS::Key":                                    {},
	"AWS::Lambda::Permission":                          {"Action", "EventSourceToken", "FunctionName", "FunctionUrlAuthType", "Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"},
	"AWS::Logs::LogGroup":                              {"LogGroupName"},
	"AWS::S3::Bucket":                                  {"BucketName", "BucketNamePrefix", "BucketNamespace"},
	"AWS::S3::BucketPolicy":                            {"Bucket"},
	"AWS::SNS::Subscription":                           {"Endpoint", "Protocol", "TopicArn"},
	"AWS::SNS::Topic":                                  {"TopicName", "FifoTopic"},
	"AWS::SNS::TopicPolicy":                            {},
	"AWS::SQS::Queue":                                  {"FifoQueue", "QueueName"},
	"AWS::SQS::QueuePolicy":                            {},
	"AWS::Serverless::Function":                        {"FunctionName", "PackageType"},
}
