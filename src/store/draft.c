#include "store/draft.h"

#include "base/check.h"

void draft_drop_page(struct draft *d, struct page *p)
{
    if (draft_private(d, p->born))
        page_free(&d->pool, p);
    else
        bag_push(&d->dropped, bag_item(p, BAG_PAGE, d->index));
}

void draft_free_node(struct draft *d, struct node *n)
{
    if (node_is_timed(n))
        timers_forget(&d->timers, &d->pool, node_timer(n)->record, n);
    node_free(&d->pool, n);
}

void draft_bury(struct draft *d)
{
    if (d->grave != NULL)
        draft_free_node(d, d->grave);
    d->grave = NULL;
}

void draft_drop_node(struct draft *d, struct node *n)
{
    if (!draft_private(d, node_born(n))) {
        bag_push(&d->dropped, bag_item(n, BAG_NODE, d->index));
        return;
    }
    CP_ASSERT(d->grave == NULL); /* an operation replaces or removes one node */
    d->grave = n;
}

void draft_drop_tree(struct draft *d, struct node *n)
{
    bag_push(&d->dropped, bag_item(n, BAG_TREE, d->index));
}

struct node *draft_own_dir(struct draft *d, struct node *dir)
{
    struct node *own = dir;
    if (!draft_private(d, node_body(dir)->born)) {
        own = node_copy(&d->pool, dir);
        if (node_is_timed(own))
            timers_move(&d->timers, node_timer(own)->record, dir, own);
        draft_drop_node(d, dir);
    }
    node_body(own)->born = d->index;
    return own;
}
