use cel::{
    IdedExpr,
    common::ast::{ComprehensionExpr, Expr, LiteralValue, operators},
};

use super::{Checker, LOOPS, Mistake, Type};

/// So many loops may lie in one another.
const MOST_LOOPS: usize = 2;

impl Checker<'_> {
    /// A loop. None gives more than it is given, and all of them together end soon.
    pub(super) fn each(&mut self, id: u64, each: &mut ComprehensionExpr) -> Type {
        let range = self.expr(&mut each.iter_range);
        let element = match range {
            Type::List(element) => *element,
            Type::Map => Type::Text,
            Type::Any => Type::Any,
            other => {
                let message =
                    format!("a loop goes over a list or a mapping, and this is {}", other.words());
                self.mistake(each.iter_range.id, message);
                Type::Any
            }
        };
        let (kept, gives) = match &each.accu_init.expr {
            Expr::Literal(LiteralValue::Boolean(_)) => (Type::Bool, Type::Bool),
            Expr::Literal(LiteralValue::Int(_)) => (Type::Number, Type::Bool),
            Expr::List(_) if is_filter(each) => {
                (Type::list(Type::Any), Type::list(element.clone()))
            }
            _ => {
                let mistake = Mistake::new(0, "`map` is not there");
                self.tell(id, mistake.hint(format!("the loops are {LOOPS}")));
                return Type::Any;
            }
        };
        let is_open = !matches!(each.iter_range.expr, Expr::List(_));
        if self.loops.len() == MOST_LOOPS || (is_open && self.loops.contains(&true)) {
            let mistake = Mistake::new(0, "this loop in a loop can take too long");
            self.tell(
                id,
                mistake
                    .hint("the inner one may go over a list that is written out: `[\"a\", \"b\"]`"),
            );
        }
        self.loops.push(is_open);
        self.names.push((each.accu_var.clone(), kept));
        self.names.push((each.iter_var.clone(), element));
        self.expr(&mut each.loop_step);
        self.names.truncate(self.names.len() - 2);
        self.loops.pop();
        gives
    }
}

/// Whether the loop keeps elements as they are, which `map` does not.
fn is_filter(each: &ComprehensionExpr) -> bool {
    let Expr::Call(step) = &each.loop_step.expr else { return false };
    let [_, kept, _] = step.args.as_slice() else { return false };
    let Expr::Call(kept) = &kept.expr else { return false };
    let Some(Expr::List(one)) = kept.args.get(1).map(|it| &it.expr) else { return false };
    let is_element =
        |it: &IdedExpr| matches!(&it.expr, Expr::Ident(name) if *name == each.iter_var);
    step.func_name == operators::CONDITIONAL
        && each.iter_var2.is_none()
        && one.elements.len() == 1
        && one.elements.iter().all(is_element)
}
