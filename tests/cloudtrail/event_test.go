package cloudtrail

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

var update = flag.Bool("update", false, "write the golden files again")

var (
	operator = Identity{Account: "111122223333", User: "operator"}
	function = Identity{
		Account: "111122223333", Role: "stack-AttachPoliciesRole-1", RoleID: "AROAEXAMPLE",
		RoleARN: "arn:aws:iam::111122223333:role/stack-AttachPoliciesRole-1", Session: "stack-AttachPoliciesFunction-1",
	}
)

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// exchange is a call as the endpoint hands it on.
func exchange(service, operation string, parameters map[string]any, status int, response string) awscall.Exchange {
	exchange := awscall.Exchange{
		Call: awscall.Call{
			Time: time.Date(2026, 11, 22, 9, 5, 4, 0, time.UTC), Caller: awscall.Person,
			Service: service, Operation: operation, Region: "us-east-1",
		},
		Parameters: parameters,
		Header:     http.Header{"User-Agent": {"aws-cli/2"}},
		AccessKey:  "test",
		SourceIP:   "127.0.0.1",
	}
	exchange.Answered(status, http.Header{"X-Amzn-Requestid": {"0e8f2bb4-1d52-4a0f-9e2b-1f6d1f8f1c11"}}, []byte(response))
	return exchange
}

func TestEvents(t *testing.T) {
	cases := []struct {
		name     string
		identity Identity
		exchange awscall.Exchange
	}{
		{"CreateRole", operator, exchange("iam", "CreateRole", map[string]any{
			"RoleName": "ecsInstanceRole", "AssumeRolePolicyDocument": trust, "MaxSessionDuration": "3600",
			"Tags": []any{map[string]any{"Key": "StratusRedTeam", "Value": "true"}},
		}, 200, `<CreateRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateRoleResult><Role><Path>/</Path><RoleName>ecsInstanceRole</RoleName>`+
			`<RoleId>AROA1</RoleId><Arn>arn:aws:iam::111122223333:role/ecsInstanceRole</Arn><CreateDate>2026-11-22T09:05:04Z</CreateDate>`+
			`<AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%7D</AssumeRolePolicyDocument><MaxSessionDuration>3600</MaxSessionDuration>`+
			`<Tags><member><Key>StratusRedTeam</Key><Value>true</Value></member></Tags></Role></CreateRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></CreateRoleResponse>`)},
		{"CreateInstanceProfile", operator, exchange("iam", "CreateInstanceProfile", map[string]any{"InstanceProfileName": "p"}, 200,
			`<CreateInstanceProfileResponse><CreateInstanceProfileResult><InstanceProfile><Path>/</Path><InstanceProfileName>p</InstanceProfileName><Roles/></InstanceProfile></CreateInstanceProfileResult></CreateInstanceProfileResponse>`)},
		{"UpdateAssumeRolePolicy", operator, exchange("iam", "UpdateAssumeRolePolicy", map[string]any{"RoleName": "r", "PolicyDocument": trust}, 200,
			`<UpdateAssumeRolePolicyResponse><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></UpdateAssumeRolePolicyResponse>`)},
		{"AttachRolePolicy-by-function", function, exchange("iam", "AttachRolePolicy", map[string]any{
			"RoleName": "r", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
		}, 200, `<AttachRolePolicyResponse/>`)},
		{"CreateRole-failed", operator, exchange("iam", "CreateRole", map[string]any{"RoleName": "r"}, 409,
			`<ErrorResponse><Error><Code>EntityAlreadyExists</Code><Message>Role with name r already exists.</Message></Error></ErrorResponse>`)},
		{"RunInstances", operator, exchange("ec2", "RunInstances", map[string]any{
			"ImageId": "ami-1", "MinCount": "1", "MaxCount": "2", "InstanceType": "t3.micro", "KeyName": "k", "ClientToken": "c",
			"UserData": "IyEvYmluL2Jhc2gK", "IamInstanceProfile": map[string]any{"Name": "p"}, "SecurityGroupId": []any{"sg-1"},
			"Monitoring": map[string]any{"Enabled": "false"}, "EbsOptimized": "true",
			"BlockDeviceMapping": []any{map[string]any{"DeviceName": "/dev/xvda", "Ebs": map[string]any{"VolumeSize": "30", "Encrypted": "true"}}},
			"TagSpecification":   []any{map[string]any{"ResourceType": "instance", "Tag": []any{map[string]any{"Key": "Name", "Value": "1"}}}},
		}, 200, `<RunInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><reservationId>r-1</reservationId><ownerId>111122223333</ownerId><groupSet/>`+
			`<instancesSet><item><instanceId>i-1</instanceId><imageId>ami-1</imageId><instanceState><code>0</code><name>pending</name></instanceState><amiLaunchIndex>0</amiLaunchIndex>`+
			`<launchTime>2026-11-22T09:05:04Z</launchTime><sourceDestCheck>true</sourceDestCheck><productCodes/><iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/p</arn><id>AIPA1</id></iamInstanceProfile>`+
			`<tagSet><item><key>Name</key><value>1</value></item></tagSet></item></instancesSet></RunInstancesResponse>`)},
		{"RunInstances-denied", operator, exchange("ec2", "RunInstances", map[string]any{"ImageId": "ami-1"}, 403,
			`<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`)},
		{"AssociateIamInstanceProfile", operator, exchange("ec2", "AssociateIamInstanceProfile", map[string]any{
			"InstanceId": "i-1", "IamInstanceProfile": map[string]any{"Name": "p"},
		}, 200, `<AssociateIamInstanceProfileResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><iamInstanceProfileAssociation>`+
			`<associationId>iip-assoc-1</associationId><instanceId>i-1</instanceId><iamInstanceProfile><arn>arn:aws:iam::111122223333:instance-profile/p</arn><id>AIPA1</id></iamInstanceProfile><state>associating</state>`+
			`</iamInstanceProfileAssociation></AssociateIamInstanceProfileResponse>`)},
		{"TerminateInstances", operator, exchange("ec2", "TerminateInstances", map[string]any{"InstanceId": []any{"i-1"}}, 200,
			`<TerminateInstancesResponse><requestId>1</requestId><instancesSet><item><instanceId>i-1</instanceId></item></instancesSet></TerminateInstancesResponse>`)},
		{"RegisterTaskDefinition", operator, exchange("ecs", "RegisterTaskDefinition", map[string]any{
			"family": "web", "containerDefinitions": []any{map[string]any{
				"name": "app", "image": "registry.example.com/app:1", "memory": json.Number("64"), "essential": true,
				"environment": []any{map[string]any{"name": "PASSWORD", "value": "canary"}},
				"secrets":     []any{map[string]any{"name": "TOKEN", "valueFrom": "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"}},
			}},
		}, 200, `{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:111122223333:task-definition/web:1","revision":1,"registeredAt":1795337104.25,`+
			`"containerDefinitions":[{"name":"app","environment":[{"name":"PASSWORD","value":"canary"}]}]}}`)},
		{"PutSecretValue", operator, exchange("secretsmanager", "PutSecretValue", map[string]any{
			"SecretId": "s", "SecretString": "canary", "ClientRequestToken": "t", "VersionStages": []any{"AWSPENDING"},
		}, 200, `{"ARN":"arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf","Name":"s","VersionId":"t"}`)},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			event := NewEvent(test.exchange, test.identity)
			if event.ID == "" || event.ID == event.Detail["eventID"] {
				t.Errorf("the event's ID is %q, the record's %v", event.ID, event.Detail["eventID"])
			}
			event.ID, event.Detail["eventID"] = "…", "…"
			got, err := json.MarshalIndent(event, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", test.name+".json")
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got)+"\n" != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestOnlyChangesAreRecorded(t *testing.T) {
	for name, want := range map[string]bool{
		"iam/CreateRole": true, "iam/GetRole": false, "iam/ListRoles": false, "iam/SimulatePrincipalPolicy": false,
		"ec2/DescribeInstances": false, "ec2/RunInstances": true, "ecs/RegisterTaskDefinition": true, "ecs/DescribeTaskDefinition": false,
		"secretsmanager/GetSecretValue": false, "s3/PutObject": false, "lambda/Invoke": false, "events/PutEvents": false,
	} {
		service, operation := filepath.Split(name)
		if got := Recorded(awscall.Call{Service: filepath.Clean(service), Operation: operation}); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
