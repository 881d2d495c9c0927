//! What a rule says of an event whose object may not be known: yes, no, or that it depends.

use event::{Enrichment, Event};

use super::{Field, Pattern, Rule, RuleNeeds, Seen, is_owned};

/// What is known around an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Labels, annotations, owners and deletion of the involved object.
    pub object: bool,
    /// Its owners up to the root.
    pub owner_chain: bool,
    /// Labels of the Event's namespace.
    pub namespace_labels: bool,
}

impl Known {
    /// All of it; what is not in the event is not there.
    pub const ALL: Self = Self { object: true, owner_chain: true, namespace_labels: true };

    /// What an event tells by itself.
    pub fn of(event: &Event) -> Self {
        let involved = &event.involved;
        let object = involved.enrichment == Enrichment::Complete;
        Self {
            object,
            // Without an owner there is no chain.
            owner_chain: !involved.owner_chain.is_empty()
                || (object && involved.owner_references.is_empty()),
            namespace_labels: !involved.namespace_labels.is_empty(),
        }
    }

    /// Whether an expression with these needs can be answered.
    fn suffices(self, needs: RuleNeeds) -> bool {
        (self.object || !needs.object)
            && (self.owner_chain || !needs.owner_chain)
            && (self.namespace_labels || !needs.namespace_labels)
    }

    fn covers(self, field: &Field) -> bool {
        match field {
            Field::Label(_) | Field::Annotation(_) => self.object,
            Field::NamespaceLabel(_) => self.namespace_labels,
            _ => true,
        }
    }
}

/// What a rule says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::route) enum Verdict {
    Matches,
    /// The key of a condition that does not hold.
    Not(String),
    /// It depends on what is not known; the key of such a condition.
    Open(String),
}

impl Rule {
    /// What the rule says. With everything known, it is what [`Rule::matches`] says.
    pub(in crate::route) fn verdict(&self, seen: &Seen<'_>, known: Known) -> Verdict {
        let event = seen.event;
        if self.min_count.is_some_and(|least| event.count < least) {
            return Verdict::Not("minCount".into());
        }
        if self.max_count.is_some_and(|most| event.count > most) {
            return Verdict::Not("maxCount".into());
        }
        let mut open = None;
        for at in &self.conditions {
            let (field, pattern) = &seen.conditions[*at];
            if !known.covers(field) && !matches!(pattern, Pattern::Never) {
                open.get_or_insert_with(|| field.key());
            } else if !field.of(event).is_some_and(|text| pattern.is_match(text)) {
                return Verdict::Not(field.key());
            }
        }
        match self.deleted {
            Some(_) if !known.object => {
                open.get_or_insert_with(|| "deleted".into());
            }
            Some(deleted) if event.involved.deleted != deleted => {
                return Verdict::Not("deleted".into());
            }
            _ => {}
        }
        if let Some(owner) = &self.owner
            && !is_owned(event, owner)
        {
            let key = if owner.kind.is_some() { Field::OwnerKind } else { Field::OwnerName };
            if known.owner_chain {
                return Verdict::Not(key.key());
            }
            open.get_or_insert_with(|| key.key());
        }
        for (index, excluded) in self.not.iter().enumerate() {
            match excluded.verdict(seen, known) {
                Verdict::Matches => return Verdict::Not(format!("not[{index}]")),
                Verdict::Open(key) => {
                    open.get_or_insert_with(|| format!("not[{index}].{key}"));
                }
                Verdict::Not(_) => {}
            }
        }
        match &self.cel {
            Some(cel) if !known.suffices(cel.needs) => {
                open.get_or_insert_with(|| "cel".into());
            }
            Some(cel) if !cel.holds(event) => return Verdict::Not("cel".into()),
            _ => {}
        }
        open.map_or(Verdict::Matches, Verdict::Open)
    }
}
