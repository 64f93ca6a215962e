// Package expression computes a text from the cells of a row, in the language
// of expr-lang/expr, made to fit tables: every cell is a text, texts that are
// numbers count exactly as decimals, an empty cell is the same as none, and
// names stand for columns or members of JSON objects.
//
// The same row always gives the same text: there is no clock and no chance.
package expression

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"purchases/producer/internal/number"
)

// Expression is one that has been parsed.
type Expression struct {
	text string
	root ast.Node
}

// Parse reads an expression. The error is one line.
func Parse(text string) (*Expression, error) {
	tree, err := parser.ParseWithConfig(text, configuration(nil))
	if err != nil {
		return nil, brief(err)
	}
	e := &Expression{text: text, root: tree.Node}
	return e, e.check()
}

// brief is an error of the library without its picture of the source.
func brief(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		if at.Prev != nil {
			return at.Prev
		}
		return errors.New(at.Message)
	}
	return err
}

// check finds functions that there are not, and the one that would not give the
// same result tomorrow.
func (e *Expression) check() (err error) {
	functions := (&numbers{}).functions(nil)
	ast.Find(e.root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BuiltinNode:
			if n.Name == "now" {
				err = errors.New("now() is not available: an event's identity must be the same in every import")
			}
		case *ast.CallNode:
			if callee, ok := n.Callee.(*ast.IdentifierNode); !ok || functions[callee.Value] == nil && !isBuiltin(callee.Value) {
				err = fmt.Errorf("there is no function %.40s()", n.Callee)
			}
		}
		return err != nil
	})
	return err
}

// isBuiltin says that the language has a function, which the parser does not
// tell from one of ours.
func isBuiltin(name string) bool { return conf.CreateNew().Builtins[name] != nil }

// Name returns the path of the column or member that the expression consists
// of, or nil when it is more than a name.
func (e *Expression) Name() []string { return path(e.root, nil) }

// Names returns the path of each column or member that the expression reads.
func (e *Expression) Names() (all [][]string) {
	w := walker{cell: func(name []string) ast.Node {
		all = append(all, name)
		return &ast.NilNode{}
	}}
	tree, err := parser.ParseWithConfig(e.text, configuration(nil))
	if err == nil {
		w.rewrite(tree.Node, nil)
	}
	return all
}

// Missing returns the names that has does not know and that the expression
// cannot do without: of a ?? b one is enough.
func (e *Expression) Missing(has func(name []string) bool) []string {
	return missing(e.root, has, nil)
}

func missing(n ast.Node, has func([]string) bool, scope []string) []string {
	if name := path(n, scope); name != nil {
		if has(name) {
			return nil
		}
		return []string{strings.Join(name, ".")}
	}
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "??" {
		left := missing(b.Left, has, scope)
		if len(left) == 0 || len(missing(b.Right, has, scope)) == 0 {
			return nil
		}
		return append(left, missing(b.Right, has, scope)...)
	}
	if v, ok := n.(*ast.VariableDeclaratorNode); ok {
		return append(missing(v.Value, has, scope), missing(v.Expr, has, append(slices.Clip(scope), v.Name))...)
	}
	var all []string
	for _, child := range children(n) {
		all = append(all, missing(*child, has, scope)...)
	}
	return all
}

// Cells are what a program reads from.
type Cells struct {
	// Slot says which cell holds the column or member.
	Slot func(name []string) int
	// Cell returns a text, or what a JSON array or object holds.
	Cell func(slot int) any
}

// Program computes an expression again and again. It is not safe for
// concurrent use.
type Program struct {
	program *vm.Program
	machine vm.VM
	numbers numbers
}

// Compile makes a program. With adds, + adds texts that are numbers; without, it
// joins them.
func (e *Expression) Compile(cells Cells, style number.Style, adds bool) (*Program, error) {
	p := &Program{numbers: numbers{style: style, adds: adds}}
	config := configuration(p.numbers.functions(cells.Cell))
	tree, err := parser.ParseWithConfig(e.text, config)
	if err != nil {
		return nil, brief(err)
	}
	w := walker{cell: func(name []string) ast.Node {
		return call("__cell", &ast.IntegerNode{Value: cells.Slot(name)})
	}}
	tree.Node = w.rewrite(tree.Node, nil)
	if _, err := checker.Check(tree, config); err != nil {
		return nil, brief(err)
	}
	p.program, err = compiler.Compile(tree, config)
	return p, err
}

// Text computes a text; of numbers up to six decimals. It is empty for nil.
func (p *Program) Text() (string, error) {
	value, err := p.machine.Run(p.program, nil)
	if err != nil {
		return "", brief(err)
	}
	return p.numbers.text(value)
}

// True computes a condition.
func (p *Program) True() (bool, error) {
	value, err := p.machine.Run(p.program, nil)
	if err != nil {
		return false, brief(err)
	}
	return truth(value)
}

func configuration(functions conf.FunctionsTable) *conf.Config {
	config := conf.CreateNew()
	for name, f := range functions {
		config.Functions[name] = f
	}
	if functions == nil {
		for name := range (&numbers{}).functions(nil) {
			config.Functions[name] = nil
		}
	}
	return config
}

func call(function string, arguments ...ast.Node) ast.Node {
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: function}, Arguments: arguments}
}

// path returns the names of a.b.c, a["b"] and row["a"], unless a is a variable.
func path(n ast.Node, scope []string) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if n.Value == "row" || n.Value == "$env" || slices.Contains(scope, n.Value) {
			return nil
		}
		return []string{n.Value}
	case *ast.ChainNode:
		return path(n.Node, scope)
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Method {
			return nil
		}
		if root, ok := n.Node.(*ast.IdentifierNode); ok && (root.Value == "row" || root.Value == "$env") {
			return []string{property.Value}
		}
		if before := path(n.Node, scope); before != nil {
			return append(slices.Clip(before), property.Value)
		}
	}
	return nil
}

// children are the parts of a node in which columns may be named.
func children(n ast.Node) []*ast.Node {
	switch n := n.(type) {
	case *ast.UnaryNode:
		return []*ast.Node{&n.Node}
	case *ast.BinaryNode:
		return []*ast.Node{&n.Left, &n.Right}
	case *ast.ChainNode:
		return []*ast.Node{&n.Node}
	case *ast.MemberNode:
		return []*ast.Node{&n.Node, &n.Property}
	case *ast.SliceNode:
		return existing(&n.Node, &n.From, &n.To)
	case *ast.CallNode:
		return each(n.Arguments)
	case *ast.BuiltinNode:
		return each(n.Arguments)
	case *ast.PredicateNode:
		return []*ast.Node{&n.Node}
	case *ast.ConditionalNode:
		return []*ast.Node{&n.Cond, &n.Exp1, &n.Exp2}
	case *ast.VariableDeclaratorNode:
		return []*ast.Node{&n.Value, &n.Expr}
	case *ast.SequenceNode:
		return each(n.Nodes)
	case *ast.ArrayNode:
		return each(n.Nodes)
	case *ast.MapNode:
		return each(n.Pairs)
	case *ast.PairNode:
		return []*ast.Node{&n.Key, &n.Value}
	}
	return nil
}

func existing(all ...*ast.Node) (out []*ast.Node) {
	for _, n := range all {
		if *n != nil {
			out = append(out, n)
		}
	}
	return out
}

func each(nodes []ast.Node) (out []*ast.Node) {
	for i := range nodes {
		out = append(out, &nodes[i])
	}
	return out
}

// walker puts cells in place of names, and functions that understand cells in
// place of operators.
type walker struct {
	cell func(name []string) ast.Node
}

var operators = map[string]string{
	"+": "__add", "-": "__subtract", "*": "__multiply", "/": "__divide",
	"==": "__equal", "<": "__less", "in": "__in",
}

func (w *walker) rewrite(n ast.Node, scope []string) ast.Node {
	if name := path(n, scope); name != nil {
		return w.cell(name)
	}
	if v, ok := n.(*ast.VariableDeclaratorNode); ok {
		v.Value = w.rewrite(v.Value, scope)
		v.Expr = w.rewrite(v.Expr, append(slices.Clip(scope), v.Name))
		return v
	}
	for _, child := range children(n) {
		*child = w.rewrite(*child, scope)
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		return binary(n)
	case *ast.UnaryNode:
		return unary(n)
	case *ast.ConditionalNode:
		n.Cond = call("__true", n.Cond)
	}
	return n
}

func binary(n *ast.BinaryNode) ast.Node {
	if function, ok := operators[n.Operator]; ok {
		return call(function, n.Left, n.Right)
	}
	not := func(n ast.Node) ast.Node { return &ast.UnaryNode{Operator: "not", Node: n} }
	switch n.Operator {
	case "!=":
		return not(call("__equal", n.Left, n.Right))
	case ">":
		return call("__less", n.Right, n.Left)
	case "<=":
		return not(call("__less", n.Right, n.Left))
	case ">=":
		return not(call("__less", n.Left, n.Right))
	case "??":
		return call("__first", n.Left, n.Right)
	case "and", "&&", "or", "||":
		n.Left, n.Right = call("__true", n.Left), call("__true", n.Right)
	}
	return n
}

func unary(n *ast.UnaryNode) ast.Node {
	switch n.Operator {
	case "-":
		return call("__subtract", &ast.IntegerNode{}, n.Node)
	case "+":
		return call("number", n.Node)
	}
	n.Node = call("__true", n.Node)
	return n
}

func describe(value any) string { return fmt.Sprintf("%.60q", fmt.Sprint(value)) }
