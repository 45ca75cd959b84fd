//! What is shown, and what keys make of it. Pure: neither a terminal nor a clock.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use model::Resource;

use super::data::{At, Data, Update};

/// What a key asks of the world outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To leave.
    Quit,
    /// To end the order.
    Terminate,
}

/// What stands in front of the charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Front {
    Nothing,
    /// The keys.
    Help,
    /// Whether the order is really to end.
    Asking,
}

/// What is shown.
#[derive(Debug)]
pub(crate) struct State {
    data: Data,
    /// What is drawn meanwhile, while it is paused.
    frozen: Option<Data>,
    /// The row that the user picked; none follows the running task.
    picked: Option<At>,
    pub(crate) resource: Resource,
    pub(crate) front: Front,
    /// What was said last of a wish.
    pub(crate) note: Option<String>,
    /// What is wrong with the way to the data.
    pub(crate) trouble: Option<String>,
}

impl State {
    pub(crate) fn new(data: Data) -> Self {
        Self {
            data,
            frozen: None,
            picked: None,
            resource: Resource::Cpu,
            front: Front::Nothing,
            note: None,
            trouble: None,
        }
    }

    /// Takes in what a source tells; also while it is paused.
    pub(crate) fn update(&mut self, update: Update) {
        match update {
            Update::Trouble(trouble) => self.trouble = trouble,
            other => self.data.update(other),
        }
    }

    /// What is known.
    pub(crate) fn data(&self) -> &Data {
        &self.data
    }

    /// What was known last.
    pub(crate) fn into_data(self) -> Data {
        self.data
    }

    /// What is to be drawn.
    pub(crate) fn shown(&self) -> &Data {
        self.frozen.as_ref().unwrap_or(&self.data)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    pub(crate) fn is_following(&self) -> bool {
        self.picked.is_none()
    }

    /// The task that is looked at.
    pub(crate) fn task(&self) -> Option<At> {
        let shown = self.shown();
        let picked = self.picked.filter(|at| shown.rows().contains(at));
        picked.or_else(|| shown.current())
    }

    /// What a key does.
    pub(crate) fn key(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(Wish::Quit);
        }
        match self.front {
            Front::Asking => self.answer(key.code),
            Front::Help => {
                self.front = Front::Nothing;
                (key.code == KeyCode::Char('q')).then_some(Wish::Quit)
            }
            Front::Nothing => self.command(key.code),
        }
    }

    fn answer(&mut self, key: KeyCode) -> Option<Wish> {
        match key {
            KeyCode::Char('y' | 'Y') => {
                self.front = Front::Nothing;
                Some(Wish::Terminate)
            }
            KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc => {
                self.front = Front::Nothing;
                None
            }
            _ => None,
        }
    }

    fn command(&mut self, key: KeyCode) -> Option<Wish> {
        self.note = None;
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Some(Wish::Quit),
            KeyCode::Up | KeyCode::Char('k') => self.pick(-1),
            KeyCode::Down | KeyCode::Char('j') => self.pick(1),
            KeyCode::Left | KeyCode::Char('h') | KeyCode::BackTab => self.turn(-1),
            KeyCode::Right | KeyCode::Char('l') | KeyCode::Tab => self.turn(1),
            KeyCode::Char(' ') => {
                self.frozen = match self.frozen {
                    Some(_) => None,
                    None => Some(self.data.clone()),
                };
            }
            KeyCode::Char('f') => self.picked = None,
            KeyCode::Char('?') => self.front = Front::Help,
            KeyCode::Char('t') => self.ask(),
            _ => {}
        }
        None
    }

    fn ask(&mut self) {
        let order = &self.data.order;
        if order.status.is_final() {
            self.note = Some(format!("{} is over: {}", order.name, order.status));
        } else {
            self.front = Front::Asking;
        }
    }

    fn pick(&mut self, by: isize) {
        let rows = self.shown().rows();
        let now = self
            .task()
            .and_then(|at| rows.iter().position(|row| *row == at));
        let next = now.unwrap_or(0).saturating_add_signed(by);
        if let Some(at) = rows.get(next.min(rows.len().saturating_sub(1))) {
            self.picked = Some(*at);
        }
    }

    fn turn(&mut self, by: isize) {
        let all = Resource::ALL;
        let now = all
            .iter()
            .position(|one| *one == self.resource)
            .unwrap_or(0);
        let next = (now as isize + by).rem_euclid(all.len() as isize);
        self.resource = all[next as usize];
    }
}

#[cfg(test)]
mod tests {
    use model::{Attempt, Position, Status};

    use super::{super::given, *};

    fn press(state: &mut State, keys: &[KeyCode]) -> Option<Wish> {
        keys.iter()
            .filter_map(|key| state.key(KeyEvent::from(*key)))
            .last()
    }

    fn at(position: u32) -> At {
        (Position(position), Attempt(1))
    }

    #[test]
    fn it_follows_the_running_task_until_one_is_picked() {
        let mut state = given::state(given::running());
        assert_eq!(state.task(), Some(at(1)));
        press(&mut state, &[KeyCode::Up]);
        assert_eq!((state.task(), state.is_following()), (Some(at(0)), false));
        press(&mut state, &[KeyCode::Char('k'), KeyCode::Char('k')]);
        assert_eq!(state.task(), Some(at(0)), "there is nothing above");
        press(&mut state, &[KeyCode::Down; 9]);
        assert_eq!(state.task(), Some(at(2)), "nor below");
        press(&mut state, &[KeyCode::Char('f')]);
        assert_eq!((state.task(), state.is_following()), (Some(at(1)), true));
    }

    #[test]
    fn resources_go_round() {
        let mut state = given::state(given::running());
        press(&mut state, &[KeyCode::Left]);
        assert_eq!(state.resource, Resource::MajorFaults);
        press(&mut state, &[KeyCode::Tab, KeyCode::Char('l')]);
        assert_eq!(state.resource, Resource::CpuUser);
    }

    #[test]
    fn what_is_paused_stays_as_it_is_and_data_goes_on() {
        let mut state = given::state(given::running());
        press(&mut state, &[KeyCode::Char(' ')]);
        let mut order = state.data().order.clone();
        order.status = Status::Succeeded;
        state.update(Update::Order(Box::new(order)));
        assert_eq!(state.shown().order.status, Status::Running);
        assert_eq!(state.data().order.status, Status::Succeeded);
        press(&mut state, &[KeyCode::Char(' ')]);
        assert_eq!(state.shown().order.status, Status::Succeeded);
    }

    #[test]
    fn an_order_ends_only_if_a_person_says_so_twice() {
        let mut state = given::state(given::running());
        assert_eq!(press(&mut state, &[KeyCode::Char('y')]), None);
        for no in [KeyCode::Char('n'), KeyCode::Esc, KeyCode::Char('q')] {
            assert_eq!(press(&mut state, &[KeyCode::Char('t'), no]), None);
            assert_eq!(state.front, Front::Nothing);
        }
        let yes = [KeyCode::Char('t'), KeyCode::Enter, KeyCode::Char('y')];
        assert_eq!(press(&mut state, &yes), Some(Wish::Terminate));
    }

    #[test]
    fn ways_out() {
        for key in [KeyCode::Esc, KeyCode::Char('q')] {
            let mut state = given::state(given::running());
            assert_eq!(press(&mut state, &[key]), Some(Wish::Quit));
        }
        let mut state = given::state(given::running());
        press(&mut state, &[KeyCode::Char('t')]);
        let ctrl_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.key(ctrl_c), Some(Wish::Quit));
        press(&mut state, &[KeyCode::Char('n'), KeyCode::Char('?')]);
        assert_eq!(
            press(&mut state, &[KeyCode::Esc]),
            None,
            "only the help goes"
        );
    }
}
