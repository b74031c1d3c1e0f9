package taskdef

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// unions has a member of each union that the SDK has in a definition.
var unions = []any{&types.SharingStrategyMemberNvidiaMps{}}

// filled sets every field of a value, at every depth, so that a field that is
// forgotten is missed.
func filled(of reflect.Value, name string) {
	switch of.Kind() {
	case reflect.Pointer:
		if of.Type() == reflect.TypeFor[*time.Time]() {
			of.Set(reflect.ValueOf(aws.Time(time.Unix(1_700_000_000, 0))))
			return
		}
		of.Set(reflect.New(of.Type().Elem()))
		filled(of.Elem(), name)
	case reflect.Struct:
		for i := range of.NumField() {
			if field := of.Type().Field(i); field.IsExported() {
				filled(of.Field(i), field.Name)
			}
		}
	case reflect.Slice:
		of.Set(reflect.MakeSlice(of.Type(), 2, 2))
		filled(of.Index(0), name)
		filled(of.Index(1), name)
	case reflect.Map:
		of.Set(reflect.MakeMap(of.Type()))
		key, value := reflect.New(of.Type().Key()).Elem(), reflect.New(of.Type().Elem()).Elem()
		filled(key, name)
		filled(value, name)
		of.SetMapIndex(key, value)
	case reflect.String:
		of.SetString("a " + name)
	case reflect.Bool:
		of.SetBool(true)
	case reflect.Int32, reflect.Int64, reflect.Int:
		of.SetInt(7)
	case reflect.Float64, reflect.Float32:
		of.SetFloat(7)
	case reflect.Interface:
		for _, member := range unions {
			if member := reflect.ValueOf(member); member.Type().Implements(of.Type()) {
				filled(member.Elem(), name)
				of.Set(member)
				return
			}
		}
		panic(fmt.Sprintf("%s is a union of no known member: add one to unions", name))
	default:
		panic(fmt.Sprintf("%s is a %s: say here how it is filled", name, of.Kind()))
	}
}

// TestEveryFieldOfTheSDKIsCarried fails when the SDK gains a field that is
// neither carried into a new revision nor listed as ECS's own.
func TestEveryFieldOfTheSDKIsCarried(t *testing.T) {
	var definition types.TaskDefinition
	filled(reflect.ValueOf(&definition).Elem(), "TaskDefinition")
	var tags []types.Tag
	filled(reflect.ValueOf(&tags).Elem(), "Tag")
	input := reflect.ValueOf(registrationOf(&definition, tags)).Elem()
	from := reflect.ValueOf(definition)

	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		if !from.Type().Field(i).IsExported() {
			continue
		}
		field := input.FieldByName(name)
		switch own := slices.Contains(outputOnly, name); {
		case own && field.IsValid():
			t.Errorf("%s is listed as ECS's own, but a registration takes it", name)
		case own:
		case !field.IsValid():
			t.Errorf("%s is described, but a registration does not take it: list it as ECS's own", name)
		case !reflect.DeepEqual(field.Interface(), from.Field(i).Interface()):
			t.Errorf("%s is not carried into the new revision", name)
		}
	}
	for i := range input.NumField() {
		field := input.Type().Field(i)
		if field.IsExported() && field.Name != "Tags" && !from.FieldByName(field.Name).IsValid() {
			t.Errorf("a registration takes %s, which is not described", field.Name)
		}
	}
	for _, name := range outputOnly {
		if !from.FieldByName(name).IsValid() {
			t.Errorf("%s is listed as ECS's own, but the SDK has no such field", name)
		}
	}
	described, given := reflect.TypeFor[ecs.DescribeTaskDefinitionOutput](), []string{"TaskDefinition", "Tags", "ResultMetadata"}
	for i := range described.NumField() {
		if field := described.Field(i); field.IsExported() && !slices.Contains(given, field.Name) {
			t.Errorf("DescribeTaskDefinition answers %s, which no one carries", field.Name)
		}
	}
}

func TestTags(t *testing.T) {
	tag := func(key, value string) types.Tag { return types.Tag{Key: aws.String(key), Value: aws.String(value)} }
	source := arnOf("app", 3)
	ours := TagPatchedFrom + "=" + source
	var many []types.Tag
	for i := range maxTags {
		many = append(many, tag(fmt.Sprint(i), "x"))
	}
	tests := map[string]struct {
		tags []types.Tag
		want string
	}{
		"none":                      {nil, ours},
		"kept in their order":       {[]types.Tag{tag("b", "1"), tag("a", "2")}, "b=1,a=2," + ours},
		"an empty value":            {[]types.Tag{tag("a", "")}, "a=," + ours},
		"an absent value":           {[]types.Tag{{Key: aws.String("a")}}, "a=," + ours},
		"those of AWS":              {[]types.Tag{tag("aws:cloudformation:stack-name", "s"), tag("AWS:x", "s"), tag("awsome", "1")}, "awsome=1," + ours},
		"where it was made from":    {[]types.Tag{tag(TagPatchedFrom, arnOf("app", 1)), tag("a", "1")}, ours + ",a=1"},
		"as many as there may be":   {many, tagsOf(many)},
		"one of AWS does not count": {append(slices.Clone(many[1:]), tag("aws:x", "y")), tagsOf(many[1:]) + "," + ours},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tagsOf(carried(test.tags, source)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestTheSourceFitsIntoATag(t *testing.T) {
	for length, want := range map[int]string{
		10:  arnOf(strings.Repeat("f", 10), 12),
		250: strings.Repeat("f", 250) + ":12",
		255: "12",
	} {
		if got := tagValue(arnOf(strings.Repeat("f", length), 12)); got != want || len(got) > maxTagValue {
			t.Errorf("a family of %d characters: got %q", length, got)
		}
	}
}
