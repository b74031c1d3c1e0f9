package awscall

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// decodeForm turns the flat names of the query protocol into a tree:
// "Tags.member.1.Key" (IAM) and "TagSpecification.1.Tag.1.Key" (EC2) become
// lists in the order of their numbers.
func decodeForm(form url.Values) map[string]any {
	root := map[string]any{}
	for name, values := range form {
		if name == "Action" || name == "Version" || len(values) == 0 || strings.HasPrefix(name, "X-Amz-") {
			continue
		}
		place(root, strings.Split(name, "."), values[0])
	}
	tree, _ := lists(root).(map[string]any)
	return tree
}

func place(tree map[string]any, path []string, value string) {
	for _, name := range path[:len(path)-1] {
		child, ok := tree[name].(map[string]any)
		if !ok {
			child = map[string]any{}
			tree[name] = child
		}
		tree = child
	}
	tree[path[len(path)-1]] = value
}

// lists replaces maps whose keys are all numbers, with or without a level
// "member" or "entry" above them.
func lists(node any) any {
	tree, ok := node.(map[string]any)
	if !ok {
		return node
	}
	for _, wrapper := range []string{"member", "entry"} {
		if inner, ok := tree[wrapper].(map[string]any); ok && len(tree) == 1 {
			return lists(inner)
		}
	}
	numbers := make([]int, 0, len(tree))
	for key := range tree {
		number, err := strconv.Atoi(key)
		if err != nil {
			numbers = nil
			break
		}
		numbers = append(numbers, number)
	}
	if len(numbers) > 0 {
		slices.Sort(numbers)
		list := make([]any, len(numbers))
		for index, number := range numbers {
			list[index] = lists(tree[strconv.Itoa(number)])
		}
		return list
	}
	for key, child := range tree {
		tree[key] = lists(child)
	}
	return tree
}
