//! The story: what happens in the first minute, and what is said about it.
//!
//! Each scene begins at its time and ends when what it waits for is so; a scene that takes longer than
//! planned delays the next one, so the order never depends on how quick the machine is.

use std::time::Duration;

use anyhow::anyhow;
use event::Event;
use playground::day::Incident;

use super::{
    books::lock,
    show::{End, Pace, Show},
    terminal::{paint, say},
    texts::{self, Comeback},
};

const INCIDENT: Duration = Duration::from_secs(15);
const WEBHOOK_DIES: Duration = Duration::from_secs(30);
const WEBHOOK_DEAD: Duration = Duration::from_secs(9);
const WORKER_DIES: Duration = Duration::from_secs(45);
const WORKER_DEAD: Duration = Duration::from_secs(3);
const LEDGER: Duration = Duration::from_secs(60);
/// How often a state is told while it lasts.
const STATUS: Duration = Duration::from_secs(3);
/// How often the numbers are told for ever after.
const SUMMARY: Duration = Duration::from_secs(60);

/// The worker may take so long until it watches; the machine may be busy.
const WORKER_STARTS: Duration = Duration::from_secs(60);
/// How often we ask whether it does.
const SIGNAL: Duration = Duration::from_millis(500);
/// What has piled up is waited for so long: a lane that failed for a while waits between attempts.
const CATCHES_UP: Duration = Duration::from_secs(30);

/// Tells it, and then goes on for ever.
pub(super) async fn tell(show: &mut Show) -> Result<(), End> {
    worker_watches(show).await?;
    show.until(INCIDENT).await?;
    incident(show).await?;
    webhook_fails(show).await?;
    worker_is_killed(show).await?;
    show.until(LEDGER).await?;
    let paint = paint();
    say(&texts::caption(show.story_time(), "the ledger", paint))?;
    say(texts::ledger(&show.ledger(), paint).trim_end())?;
    say(&texts::next_steps(&show.parts().kubeconfig, paint))?;
    lock(&show.parts().choice).take_passed_over();
    show.set_pace(Pace::QUIET);
    let mut next = LEDGER + SUMMARY;
    loop {
        show.until(next).await?;
        next += SUMMARY;
        let number = lock(&show.parts().choice).take_passed_over();
        if number > 0 {
            say(&texts::not_shown(number, paint))?;
        }
        say(&texts::summary(show.story_time(), show.webhook_numbers(), paint))?;
    }
}

/// Prints the sum.
pub(super) async fn end(show: &mut Show) -> anyhow::Result<()> {
    let after = show.story_time();
    show.wind_up().await?;
    let paint = paint();
    let caption = texts::caption(after, "the sum", paint);
    let sum = format!("{caption}\n{}", texts::ledger(&show.ledger(), paint));
    // Nobody who reads it is no failure.
    drop(say(sum.trim_end()));
    Ok(())
}

async fn worker_watches(show: &mut Show) -> Result<(), End> {
    let mut latest = WORKER_STARTS;
    loop {
        show.signal()?;
        if show.wait_for(SIGNAL, |show| lock(&show.parts().books).has_begun()).await? {
            break;
        }
        latest = latest.saturating_sub(SIGNAL);
        if latest.is_zero() {
            let said = show.parts().worker.last_lines().join("\n  ");
            let after = WORKER_STARTS.as_secs();
            return Err(anyhow!(
                "after {after} s the worker is not watching; it said last:\n  {said}"
            )
            .into());
        }
    }
    // Its log may come a little later than what it sends.
    show.wait_for(SIGNAL, |show| show.parts().worker.watching_from().is_some()).await?;
    show.begin_story();
    say(&texts::watching(show.parts().worker.watching_from(), paint()))
}

async fn incident(show: &mut Show) -> Result<(), End> {
    let text = "somebody rolls out an image that does not exist";
    say(&texts::caption(show.story_time(), text, paint()))?;
    show.parts().player.start(Incident::BadImage);
    lock(&show.parts().choice).shine_on(Some(is_about_an_image));
    show.until(WEBHOOK_DIES).await?;
    lock(&show.parts().choice).shine_on(None);
    Ok(())
}

fn is_about_an_image(event: &Event) -> bool {
    event.kind == "Warning" && (event.message.contains("image") || event.message.contains("Image"))
}

async fn webhook_fails(show: &mut Show) -> Result<(), End> {
    say(&texts::caption(show.story_time(), "the webhook dies: it hangs up on everybody", paint()))?;
    show.stop_webhook();
    let mut next = WEBHOOK_DIES;
    while next < WEBHOOK_DIES + WEBHOOK_DEAD {
        next += STATUS;
        show.until(next).await?;
        say(&texts::webhook_down(show.webhook_numbers(), paint()))?;
    }
    let piled_up_to = show.revision();
    let piled_up = show.waiting_to(piled_up_to);
    show.start_webhook();
    show.wait_for(CATCHES_UP, |show| show.waiting_to(piled_up_to) == 0).await?;
    let waiting = show.waiting_to(piled_up_to);
    let delivered = piled_up.saturating_sub(waiting);
    let numbers = show.webhook_numbers();
    say(&texts::webhook_back(delivered, waiting, numbers, paint()))
}

async fn worker_is_killed(show: &mut Show) -> Result<(), End> {
    show.until(WORKER_DIES).await?;
    let text = "the worker is killed: SIGKILL, no time to save anything";
    say(&texts::caption(show.story_time(), text, paint()))?;
    let repeated_before = show.webhook_numbers().repeated;
    show.kill_worker().await?;
    let dies = show.story_time();
    show.until(dies + WORKER_DEAD).await?;
    say(&texts::worker_dead(show.webhook_numbers().waiting, paint()))?;
    show.start_worker()?;
    let to = show.revision();
    show.wait_for(CATCHES_UP, |show| show.parts().worker.watching_from().is_some()).await?;
    let dead = show.worker_is_back();
    show.wait_for(CATCHES_UP, |show| show.waiting_to(to) == 0).await?;
    let comeback = Comeback {
        dead,
        resumed_at: show.parts().worker.watching_from(),
        missing: show.waiting_to(to),
        repeated: show.webhook_numbers().repeated - repeated_before,
    };
    say(&texts::worker_back(&comeback, paint()))
}
