package operator

import (
	"encoding/json"

	"github.com/smatrix-grid/smatrix/twins"
)

// Strategy is the full operator.
var Strategy = twins.DeclareStrategy(twins.Strategy{
	Name: "operator", Version: 1, Level: twins.LevelGrid, Unnamed: true, Schema: keys, Controller: controller(false),
	Label: "plans plants from a forecast, dispatches them by merit order, and asks communities for what they have agreed to move",
})

// PlainStrategy is the operator that never asks communities to move load.
var PlainStrategy = twins.DeclareStrategy(twins.Strategy{
	Name: "plain", Version: 1, Level: twins.LevelGrid, Unnamed: true, Schema: keys, Controller: controller(true),
	Label: "the operator without peak control, charging plans or demand response: what cannot be served is cut",
})

const keys = `{
  "properties": {
    "import_share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.45, "description": "of load that ties may carry while batteries would have to survive their loss, as far as plants can help it"}
  }
}`

// controller makes an operator, plain or full.
func controller(plain bool) func(*twins.GridSite, []byte) (twins.Controller, error) {
	return func(g *twins.GridSite, spec []byte) (twins.Controller, error) {
		own := struct {
			ImportShare twins.Ratio `json:"import_share"`
		}{}
		if spec != nil {
			if err := json.Unmarshal(spec, &own); err != nil {
				return nil, err
			}
		}
		f, err := g.Forecast()
		if err != nil {
			return nil, err
		}
		return New(g.Communities, Config{Plain: plain, Reserve: g.Reserve, ImportShare: own.ImportShare, Forecast: f}), nil
	}
}
